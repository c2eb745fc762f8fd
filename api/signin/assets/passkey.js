// Passkeys are the one thing that browsers give to scripts alone. A place for one is hidden until it is known to work.
"use strict";

const supported = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON && PublicKeyCredential.parseCreationOptionsFromJSON;

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const content = await answer.json();
  if (answer.ok) return content;
  if (content.next) location.assign(content.next);
  throw new Error(content.error);
}

async function signIn(place) {
  const options = await post("/signin/passkey/begin", {});
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
  return post("/signin/passkey?" + new URLSearchParams({ next: place.dataset.next }), credential.toJSON());
}

async function add(place) {
  const options = await post("/account/passkeys/begin", {});
  const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) });
  return post("/account/passkeys?" + new URLSearchParams({ name: place.querySelector("input").value }), credential.toJSON());
}

function complain(text) {
  const error = document.querySelector(".error");
  error.textContent = text;
  error.hidden = !text;
}

for (const place of document.querySelectorAll("[data-passkey]")) {
  if (!supported) continue;
  place.hidden = false;
  const button = place.querySelector("button");
  button.addEventListener("click", async () => {
    button.disabled = true;
    complain("");
    try {
      const done = await (place.dataset.passkey === "add" ? add(place) : signIn(place));
      location.assign(done.next);
    } catch (err) {
      complain(err.name === "NotAllowedError" ? "The passkey was not used: it took too long, or was declined." : err.message);
    } finally {
      button.disabled = false;
    }
  });
}
