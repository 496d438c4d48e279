// The upload page: the plain form, made to send files in parts, to pause and to go on.

import { startPage } from "./upload/page.js";

const form = document.querySelector("form[data-upload]");
if (form instanceof HTMLFormElement) startPage(form);
