// One of the workers that look for the solution; a classic script, for Firefox before 114 as well.
import { solve } from "./challenge/solve.js";

addEventListener("message", async ({ data: { parameters, start, step } }) => {
  postMessage(await solve(parameters, start, step));
});
