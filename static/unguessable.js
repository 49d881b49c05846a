/** Return a text that nobody can guess: 32 hexadecimal digits. */
export function unguessable() {
  // `crypto.randomUUID` isn't available without HTTPS.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
