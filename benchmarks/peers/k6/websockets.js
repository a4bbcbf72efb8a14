// One virtual user for each socket, on k6/experimental/websockets: joins, and times what it reads. Nothing is logged.
import { WebSocket } from 'k6/experimental/websockets';
import { options as shared, taken, summary } from './shared.js';

export const options = shared;
export const handleSummary = summary;

export default function () {
  const socket = new WebSocket(`${__ENV.TARGET}/relay?name=user${__VU}`);
  socket.onopen = () => socket.send('JOIN room');
  socket.onmessage = (event) => taken(event.data);
}
