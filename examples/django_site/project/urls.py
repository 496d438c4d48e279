"""Signing in and out with Django's own views, and one page."""

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.html import format_html


def home(request: HttpRequest) -> HttpResponse:
    """A page of the project itself."""
    name = request.user.get_username() or "stranger"
    return HttpResponse(format_html('<p>Hello {}. <a href="/media/">Pictures</a></p>', name))


urlpatterns = [
    path("", home),
    path("sign-in", LoginView.as_view(template_name="sign_in.html")),
    path("sign-out", LogoutView.as_view()),
]
