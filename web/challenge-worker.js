// One of the workers that look for the solution; a classic script, for Firefox before 114 as well.
import "altcha/workers/pbkdf2";
