// The methods of tests/e2e/grpc_app.py that need no second call: node grpc_app.js PORT
"use strict";

const { createHash } = require("node:crypto");
const grpc = require("@grpc/grpc-js");

const same = (bytes) => bytes;

function method(name, requestStream, responseStream) {
  return {
    path: `/drainproxy.Test/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

const service = {
  Echo: method("Echo", false, false),
  Fail: method("Fail", false, false),
  Late: method("Late", false, true),
  Count: method("Count", false, true),
  Total: method("Total", true, false),
  Chat: method("Chat", true, true),
};

function failure(request) {
  const [code, details] = JSON.parse(request);
  const metadata = new grpc.Metadata();
  metadata.set("x-trailing", "last");
  metadata.set("x-trailing-bin", Buffer.from([0xff, 0x00]));
  return { code: grpc.status[code], details, metadata };
}

const handlers = {
  Echo(call, reply) {
    const metadata = new grpc.Metadata();
    metadata.set("x-initial-bin", Buffer.from([0x00, 0xff]));
    call.sendMetadata(metadata);
    reply(null, call.request);
  },
  Fail(call, reply) {
    reply(failure(call.request));
  },
  Late(call) {
    call.write(Buffer.from("one"));
    call.emit("error", failure(call.request));
  },
  Count(call) {
    for (let number = 0; number < Number(call.request); number++) {
      call.write(Buffer.from(String(number)));
    }
    call.end();
  },
  Total(call, reply) {
    const digest = createHash("sha256");
    let number = 0;
    call.on("data", (message) => {
      number++;
      digest.update(message);
    });
    call.on("end", () => reply(null, Buffer.from(`${number} ${digest.digest("hex")}`)));
  },
  Chat(call) {
    call.on("data", (message) => {
      call.write(Buffer.concat([Buffer.from("you said "), message]));
    });
    call.on("end", () => call.end());
  },
};

const server = new grpc.Server();
server.addService(service, handlers);
server.bindAsync(`127.0.0.1:${process.argv[2]}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) {
    throw error;
  }
});
