import { start } from "./fake.js";
import { run } from "./main.js";

run(start);
