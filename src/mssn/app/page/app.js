// The page as the local app serves it.

import { run } from "./main.js";
import { start } from "./server.js";

run(start);
