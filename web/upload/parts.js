// Which bytes belong to which part. Parts are numbered from 1; all but the last have one size.

/**
 * @param {number} size of the file, bytes
 * @param {number} partSize bytes
 * @returns {number}
 */
export function partCount(size, partSize) {
  return Math.ceil(size / partSize);
}

/**
 * @param {number} number from 1
 * @param {number} size of the file, bytes
 * @param {number} partSize bytes
 * @returns {{start: number, stop: number}} `stop` is exclusive
 */
export function partRange(number, size, partSize) {
  const start = (number - 1) * partSize;
  return { start, stop: Math.min(start + partSize, size) };
}

/**
 * The parts that are there whole, and are those that we sent. Some stores keep what broke off as
 * if it were whole; only the ETag that came as the answer to all of a part tells.
 * @param {{part_number: number, size: number, etag: string}[]} uploaded what the storage lists
 * @param {Map<number, string>} told ETags that this browser was told, by number
 * @param {number} size of the file, bytes
 * @param {number} partSize bytes
 * @returns {Map<number, string>} ETag by number
 */
export function wholeParts(uploaded, told, size, partSize) {
  const count = partCount(size, partSize);
  const whole = uploaded.filter(({ part_number: number, size: stored, etag }) => {
    const { start, stop } = partRange(number, size, partSize);
    return number >= 1 && number <= count && stored === stop - start && etag && bare(told.get(number)) === bare(etag);
  });
  return new Map(whole.map(({ part_number: number, etag }) => [number, etag]));
}

/** @param {string | undefined} etag with its quotation marks or without */
function bare(etag) {
  return etag?.replaceAll('"', "");
}
