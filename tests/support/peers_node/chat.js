// A chat on Socket.IO: rooms, acknowledgements, and a door that opens for everybody but "nobody".
// node chat.js PORT PING_INTERVAL_MS PING_TIMEOUT_MS
const { createServer } = require("http");
const { Server } = require("socket.io");

const [port, pingInterval, pingTimeout] = process.argv.slice(2).map(Number);
const http = createServer();
const io = new Server(http, { pingInterval, pingTimeout, perMessageDeflate: false });

io.use((socket, next) => next(socket.handshake.auth.token === "nobody" ? new Error("not you") : undefined));
io.on("connection", (socket) => {
  socket.on("join", async (room, confirm) => {
    if (room === "closed") return confirm({ error: "this room is closed" });
    await socket.join(room);
    confirm({ joined: room });
  });
  socket.on("message", (message, confirm) => {
    io.to(message.room).emit("message", message);
    confirm({ taken: true });
  });
});
http.listen(port, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port })));
// Whoever started it has gone.
process.stdin.on("end", () => process.exit(0)).resume();
