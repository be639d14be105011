// Sends a checkpoint to the server, and shows how far it is.

const form = document.getElementById("upload");
if (form) {
  const told = document.getElementById("told");
  const [file, name] = [form.querySelector("#file"), form.querySelector("#name")];
  form.hidden = false;
  file.addEventListener("change", () => {
    name.value ||= file.files[0]?.name.replace(/\.safetensors$/, "") ?? "";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = new XMLHttpRequest(); // fetch does not tell how much has been sent
    request.open("PUT", `/api/v1/models/${encodeURIComponent(name.value)}`);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      told.textContent = `${Math.floor((100 * loaded) / total)} % sent`;
    });
    request.addEventListener("load", () => {
      if (request.status < 300) location.assign(`/models/${encodeURIComponent(name.value)}`);
      else told.textContent = problem(request);
    });
    request.addEventListener("error", () => {
      told.textContent = "The connection broke. Try again.";
    });
    request.send(file.files[0]);
  });
}

function problem(request) {
  try {
    const { detail, fix } = JSON.parse(request.responseText);
    return [detail, fix].filter(Boolean).join(" ");
  } catch {
    return `The server answered ${request.status}.`;
  }
}
