// Asks the API to sign the requests of an upload.

/**
 * What the API or S3 did not do, as a sentence for people. `status` is that of HTTP, or absent without an answer.
 * `hasEnded`: the signature has ended meanwhile, as it does while a laptop sleeps.
 */
export class Refusal extends Error {
  constructor(message, status, hasEnded = false) {
    super(message);
    this.status = status;
    // Whether the same request, signed anew, may succeed.
    this.passes = !status || status === 429 || status >= 500 || hasEnded;
  }
}

/** `fetch`, whose failures say what to look at. Browsers do not tell scripts why they kept an answer back. */
export async function request(url, options, remedy) {
  try {
    return await fetch(url, options);
  } catch (error) {
    throw error instanceof TypeError ? new Refusal(`No answer that this page may read. ${remedy}`) : error;
  }
}

/**
 * A function that asks the API at `url`. `token` gives the token of the moment: an upload may last longer than one.
 *
 * The answer is a request to S3, signed: send it as it is. Whoever has it can send it, so never log it.
 */
export const asking = (url, token) => async (path, question, signal) => {
  const options = {
    method: "POST",
    headers: { authorization: `Bearer ${token()}`, "content-type": "application/json" },
    body: JSON.stringify(question),
    signal,
  };
  const remedy = "Check the API's URL, the token, and AllowedOrigins.";
  const response = await request(url.replace(/\/+$/, "") + path, options, remedy);
  const answer = await response.json();
  // The function's problems have a detail, the gateway's refusals a message.
  if (!response.ok) throw new Refusal(answer.detail ?? answer.message ?? `The API answered ${response.status}.`, response.status);
  return answer;
};
