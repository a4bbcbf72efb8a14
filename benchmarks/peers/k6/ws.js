// One virtual user for each socket, on k6/ws: joins, and times what it reads. Nothing is logged.
import ws from 'k6/ws';
import { options as shared, taken, summary } from './shared.js';

export const options = shared;
export const handleSummary = summary;

export default function () {
  ws.connect(`${__ENV.TARGET}/relay?name=user${__VU}`, {}, (socket) => {
    socket.on('open', () => socket.send('JOIN room'));
    socket.on('message', taken);
  });
}
