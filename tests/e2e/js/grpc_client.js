// What a client of tests/e2e/grpc_app.py sees, as JSON by scenario: node grpc_client.js PORT
"use strict";

const grpc = require("@grpc/grpc-js");

const [port] = process.argv.slice(2);
const same = (bytes) => bytes;
const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
  "grpc.enable_http_proxy": 0,
  "grpc.max_receive_message_length": -1,
});
// Of a call that ends without an answer, of which the app is asked what it saw.
const named = (scenario) => `node ${process.pid} ${scenario}`;

// For all that should take no time.
const soon = () => ({ deadline: Date.now() + 15000 });
const path = (method) => `/drainproxy.Test/${method}`;
const bytes = (text) => Buffer.from(text);

function ended(call) {
  return new Promise((resolve) => {
    call.on("error", () => {});
    call.on("status", ({ code, details, metadata }) => {
      resolve({ code: grpc.status[code], details, trailing: plain(metadata) });
    });
  });
}

function plain(metadata) {
  const names = Object.keys(metadata.getMap()).filter((name) => name !== "content-type");
  const values = (name) => metadata.get(name).map((value) => value.toString("latin1"));
  return Object.fromEntries(names.map((name) => [name, values(name)]));
}

function unary(method, message, metadata = new grpc.Metadata(), options = soon()) {
  return new Promise((resolve) => {
    let answer, initial;
    const call = client.makeUnaryRequest(
      ...[path(method), same, same, message, metadata, options],
      (error, value) => (answer = value?.toString("latin1")),
    );
    call.on("metadata", (fields) => (initial = plain(fields)));
    ended(call).then((end) => resolve({ answer, initial, ...end }));
  });
}

const scenarios = {
  async unary() {
    return unary("Echo", bytes("hello"));
  },

  async metadata() {
    const metadata = new grpc.Metadata();
    metadata.add("x-name", "a");
    metadata.add("x-name", "b");
    metadata.set("x-name-bin", Buffer.from([0x00, 0xff]));
    const told = await unary("Told", bytes(""), metadata);
    const came = JSON.parse(told.answer).filter(([field]) => field.startsWith("x-name"));
    return { ...told, answer: came };
  },

  async error() {
    return unary("Fail", bytes(JSON.stringify(["NOT_FOUND", "gr\u00fc\u00df % \u6f22\n"])));
  },

  async stream() {
    const call = client.makeServerStreamRequest(path("Count"), same, same, bytes("1000"), soon());
    let count = 0;
    let inOrder = true;
    call.on("data", (message) => (inOrder &&= Number(message) === count++));
    const { code } = await ended(call);
    return { count, inOrder, code };
  },

  async conversation() {
    const call = client.makeBidiStreamRequest(path("Chat"), same, same, soon());
    const end = ended(call);
    let answers = 0;
    call.on("data", (answer) => {
      if (answer.toString() !== `you said ${answers}`) {
        call.cancel();
      } else if (++answers < 200) {
        call.write(bytes(String(answers)));
      } else {
        call.end();
      }
    });
    call.write(bytes("0"));
    const { code } = await end;
    return { answers, code };
  },

  async cancel() {
    const name = named("cancel");
    const call = client.makeBidiStreamRequest(path("Hold"), same, same, soon());
    const end = ended(call);
    call.on("data", () => call.cancel());
    call.write(bytes(name));
    const { code } = await end;
    const cancelled = await unary("Cancelled", bytes(name));
    return { code, seen: cancelled.answer === name };
  },

  async deadline() {
    const name = named("deadline");
    const short = { deadline: Date.now() + 500 };
    const { code } = await unary("Wait", bytes(name), new grpc.Metadata(), short);
    const cancelled = await unary("Cancelled", bytes(name));
    return { code, seen: cancelled.answer === name };
  },

  async crowd() {
    const calls = Array.from({ length: 500 }, (_, number) => unary("Echo", bytes(String(number))));
    const answers = await Promise.all(calls);
    return answers.filter(({ answer }, number) => answer === String(number)).length;
  },

  async large() {
    const message = Buffer.alloc(10 << 20, "0123456789");
    const { answer } = await unary("Echo", message);
    return answer === message.toString("latin1");
  },
};

async function all() {
  const seen = {};
  for (const [scenario, run] of Object.entries(scenarios)) {
    seen[scenario] = await run();
  }
  return seen;
}

all().then((seen) => {
  console.log(JSON.stringify(seen));
  client.close();
});
