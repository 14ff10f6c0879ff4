// Keeps a server that would listen on all interfaces on this computer alone, and ends it with whoever started it.
const net = require("net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...given) {
  if (typeof given[0] === "number" || /^\d+$/.test(String(given[0]))) {
    if (typeof given[1] === "string") given[1] = "127.0.0.1";
    else given.splice(1, 0, "127.0.0.1");
  } else if (given[0] && typeof given[0] === "object" && given[0].port !== undefined) {
    given[0] = { ...given[0], host: "127.0.0.1" };
  }
  return listen.apply(this, given);
};
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
