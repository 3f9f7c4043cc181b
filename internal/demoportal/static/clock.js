// Shows the server's time in the footer, as the server tells it.
const clock = document.getElementById("clock");
new EventSource("/clock").onmessage = (event) => {
  clock.dateTime = event.data;
  clock.textContent = event.data.slice(11, 19) + " UTC";
};
