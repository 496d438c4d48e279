// Facts of a picture, in the words of photographers.

import { sizeText } from "../upload/words.js";

/**
 * @typedef {object} Exif
 * @property {string} [make]
 * @property {string} [model]
 * @property {string} [lens]
 * @property {number} [exposure_s]
 * @property {number} [f_number]
 * @property {number} [iso]
 * @property {number} [focal_length_mm]
 *
 * @typedef {object} Info what /info answers
 * @property {number} width
 * @property {number} height
 * @property {string} format
 * @property {number} size
 * @property {number} [frames]
 * @property {Exif} [exif]
 */

/**
 * @param {Info | null} info nothing where the server told nothing
 * @param {DOMStringMap} known what the page knows by itself
 * @returns {[string, string][]} names and texts, only of what is known
 */
export function factsOf(info, known) {
  const exif = info?.exif ?? {};
  const rows = [
    ["Title", known.caption],
    ["Date", known.date],
    ["Camera", cameraText(exif)],
    ["Lens", exif.lens],
    ["Exposure", exif.exposure_s && exposureText(exif.exposure_s)],
    ["Aperture", exif.f_number && `f/${rounded(exif.f_number)}`],
    ["Sensitivity", exif.iso && `ISO ${exif.iso}`],
    ["Focal length", exif.focal_length_mm && `${rounded(exif.focal_length_mm)} mm`],
    ["Size", info && `${info.width} × ${info.height} pixels`],
    ["File", info && `${info.format.toUpperCase()}, ${sizeText(info.size)}`],
    ["Frames", info?.frames && info.frames > 1 && String(info.frames)],
  ];
  return /** @type {[string, string][]} */ (rows.filter(([, text]) => text));
}

/**
 * Makers like to repeat themselves: "Canon", "Canon EOS 40D"; "NIKON CORPORATION", "NIKON D810".
 * @param {Exif} exif
 */
function cameraText({ make = "", model = "" }) {
  const [first] = make.toLowerCase().split(" ");
  return model.toLowerCase().startsWith(first) ? model : `${make} ${model}`.trim();
}

/**
 * @param {number} seconds
 * @returns {string} "1/250 s", "2.5 s"
 */
export function exposureText(seconds) {
  return seconds < 0.3 ? `1/${Math.round(1 / seconds)} s` : `${rounded(seconds)} s`;
}

/** @param {number} number */
function rounded(number) {
  return String(Math.round(number * 10) / 10);
}
