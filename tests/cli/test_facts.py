"""Commands that print facts, and those that keep house."""

import json
import tomllib
from pathlib import Path

import pytest

from cimaise.cli.check import OK
from cimaise.settings.sections import knobs
from tests.cli.conftest import Cimaise


def test_settings_shows_every_setting_with_its_value_and_origin(
    cimaise: Cimaise, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "cimaise.toml"
    file.write_text('[images]\nmax_width = 1000\nallowed_hosts = ["a.example", "b.example"]\n')
    monkeypatch.setenv("CIMAISE_SERVER_PORT", "4000")
    result = cimaise("settings", "--json", "--config", str(file), "--data-dir", "/elsewhere")
    rows = json.loads(result.output)["settings"]
    assert len(rows) == len(knobs())
    by_name = {row["variable"]: row for row in rows}
    assert by_name["CIMAISE_SERVER_PORT"]["value"] == 4000
    assert by_name["CIMAISE_SERVER_PORT"]["origin"] == "CIMAISE_SERVER_PORT"
    assert by_name["CIMAISE_IMAGES_MAX_WIDTH"]["origin"] == str(file)
    assert by_name["CIMAISE_IMAGES_ALLOWED_HOSTS"]["value"] == ["a.example", "b.example"]
    assert by_name["CIMAISE_DATA_DIR"]["value"] == "/elsewhere"
    assert by_name["CIMAISE_DATA_DIR"]["origin"] == "command line"
    assert by_name["CIMAISE_SERVER_GRACE"]["origin"] == "default"


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_settings_never_shows_a_secret(
    cimaise: Cimaise, monkeypatch: pytest.MonkeyPatch, form: list[str]
):
    for section, name, knob, _ in knobs():
        if knob.secret:
            secret = "tell-nobody-this-text-that-nobody-can-guess"
            text = f"redis://:{secret}@127.0.0.1" if section == "state" else secret
            monkeypatch.setenv(f"CIMAISE_{section}_{name}".upper(), text)
    result = cimaise("settings", *form)
    assert result.exit_code == 0
    assert "tell-nobody" not in result.output
    assert "***" in result.output


def test_settings_as_a_table_names_variables(cimaise: Cimaise):
    lines = cimaise("settings").output.splitlines()
    assert lines[0].split() == ["VARIABLE", "VALUE", "FROM"]
    assert any(line.split() == ["CIMAISE_SERVER_PORT", "3023", "default"] for line in lines)


def test_openapi_prints_the_document_with_the_server_of_the_settings(
    cimaise: Cimaise, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CIMAISE_SERVER_PUBLIC_URL", "https://media.example.org")
    document = json.loads(cimaise("openapi").output)
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "https://media.example.org"}]
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert document["info"]["version"] == project["project"]["version"]


def test_check_is_content_with_an_empty_data_folder(cimaise: Cimaise):
    result = cimaise("check", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "ok": True,
        "checks": {"database": OK, "storage": OK, "state": OK, "cache": OK},
    }


def test_check_says_which_part_cannot_be_used_and_why(
    cimaise: Cimaise, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CIMAISE_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    result = cimaise("check")
    assert result.exit_code == 1
    assert "The database cannot be reached." in result.stdout
    assert result.stderr == "cimaise: Cannot be used: database.\n"


def test_an_account_is_made_and_its_key_is_in_the_answer(cimaise: Cimaise):
    made = json.loads(cimaise("accounts", "create", "ann", "--role", "admin", "--json").output)
    assert set(made) == {"id", "name", "role", "key"}
    assert (made["name"], made["role"]) == ("ann", "admin")
    assert made["key"].startswith("cim_")


def test_people_see_the_key_once_and_never_again(cimaise: Cimaise):
    shown = cimaise("accounts", "create", "ann").output
    key = next(word for word in shown.split() if word.startswith("cim_"))
    assert key not in cimaise("accounts", "list").output
    assert key not in cimaise("accounts", "list", "--json").output


def test_limits_are_sizes_with_units(cimaise: Cimaise):
    limits = ["--daily-bytes", "50 MB", "--daily-files", "0", "--total-bytes", "2GB"]
    assert cimaise("accounts", "create", "ann", *limits).exit_code == 0
    (ann,) = json.loads(cimaise("accounts", "list", "--json").output)["accounts"]
    assert ann["daily_bytes"] == 50 * 1024**2
    assert ann["daily_files"] == 0
    assert ann["total_bytes"] == 2 * 1024**3
    row = cimaise("accounts", "list").output.splitlines()[1]
    assert "50.0 MB" in row
    assert "any" in row
    assert "2.0 GB" in row


def test_a_name_that_is_taken_is_one_clear_line(cimaise: Cimaise):
    cimaise("accounts", "create", "ann")
    result = cimaise("accounts", "create", "ann")
    assert result.exit_code == 1
    assert result.stderr == "cimaise: The name ann is taken.\n"


def test_a_disabled_account_stays_in_the_list(cimaise: Cimaise):
    cimaise("accounts", "create", "ann")
    assert cimaise("accounts", "disable", "ann").output == "Disabled ann.\n"
    assert json.loads(cimaise("accounts", "disable", "ann", "--json").output)["disabled_at"]
    assert "disabled" in cimaise("accounts", "list").output


def test_disabling_nobody_is_one_clear_line(cimaise: Cimaise):
    result = cimaise("accounts", "disable", "nobody")
    assert (result.exit_code, result.stderr) == (1, "cimaise: There is no such account.\n")


def test_cleanup_names_every_job_dry_or_not(cimaise: Cimaise):
    dry = json.loads(cimaise("cleanup", "--dry-run", "--json").output)
    done = json.loads(cimaise("cleanup", "--json").output)
    names = ["abandoned-uploads", "deleted-files", "discarded-objects", "spent-rows"]
    seen = dict.fromkeys(names, 0)
    freed = seen | {"temporary-files": 0}
    none = {"bytes_freed": 0, "refused": {}}
    assert dry == {"dry_run": True, "freed": seen, "bytes": seen} | none
    assert done == {"dry_run": False, "freed": freed, "bytes": freed} | none
    assert "would be freed" in cimaise("cleanup", "--dry-run").output


def test_a_scan_counts_the_albums(cimaise: Cimaise):
    report = json.loads(cimaise("albums", "scan", "--json").output)
    assert report["albums"] == 0
    assert "albums" in cimaise("albums", "scan").output


def test_a_password_is_set_at_the_machine(cimaise: Cimaise):
    cimaise("accounts", "create", "ann")
    done = cimaise("accounts", "set-password", "ann", "--password", "mongoose tale")
    assert done.output == "The password of ann is set.\n"
    refused = cimaise("accounts", "set-password", "ann", "--password", "password")
    assert refused.exit_code == 1
    assert "first that are guessed" in refused.stderr
    assert cimaise("accounts", "set-password", "nobody", "--password", "x" * 20).exit_code == 1


def test_a_link_that_signs_in_is_printed_for_an_account(cimaise: Cimaise):
    cimaise("accounts", "create", "ann")
    shown = json.loads(cimaise("accounts", "sign-in-link", "ann", "--json").output)
    assert (shown["account"], shown["expires_in"]) == ("ann", 3600)
    assert "/login?token=" in shown["url"]
    assert "as ann, once, within 60 minutes" in cimaise("accounts", "sign-in-link", "ann").output
    for name in ("nobody", "disabled"):
        cimaise("accounts", "create", "disabled")
        cimaise("accounts", "disable", "disabled")
        refused = cimaise("accounts", "sign-in-link", name)
        assert (refused.exit_code, refused.stdout) == (1, "")


def test_an_invitation_is_printed_once(cimaise: Cimaise):
    shown = json.loads(cimaise("accounts", "invite", "--note", "Maria", "--json").output)
    assert set(shown) == {"id", "url", "expires_at"}
    assert "/join/" in shown["url"]
    text = cimaise("accounts", "invite", "--expires", "2h", "--total-bytes", "2 GB").output
    assert "one member's account" in text
    assert cimaise("accounts", "invite", "--note", "x" * 101).exit_code == 1
