// better-sse on Node: a session per subscriber, all of them in one channel.
// Environment: PORT, RATE, ROUNDS, GO as in ticks.py; NODE_PACKAGES, where they are.
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const packages = createRequire(`${process.env.NODE_PACKAGES}/`);
const found = pathToFileURL(packages.resolve("better-sse"));
const { createChannel, createSession } = await import(found);

const rate = Number(process.env.RATE ?? 20);
const rounds = Math.min(Number(process.env.ROUNDS ?? 50), rate);
const go = process.env.GO;
const channel = createChannel();
let number = 1_000_000;
let began = 0;
let done = 0;
let published = 0;

const server = createServer(async (request, response) => {
	channel.register(await createSession(request, response));
});
server.listen({ port: Number(process.env.PORT), host: "127.0.0.1", backlog: 4096 });

function publish(due, count) {
	for (let seq = 0; seq < count; seq += 1, number += 1) {
		const tick = {
			n: number,
			us: Math.round(due * 1000),
			symbol: "ACME",
			price: 100 + (((number * 7919) % 1000) / 100),
			market: "XETR",
			lot: 7,
		};
		channel.broadcast(tick, "tick", { eventId: `${Math.floor(due)}-${seq}` });
	}
}

function now() {
	return performance.timeOrigin + performance.now();
}

function run() {
	if (!began && go && !existsSync(go)) {
		setTimeout(run, 20);
		return;
	}
	began ||= now();
	if (!rate) return;
	const next = began + ((done + 1) * 1000) / rounds;
	const ahead = next - now();
	if (ahead > 0) {
		setTimeout(run, Math.ceil(ahead));
		return;
	}
	done += 1;
	const due = Math.floor((done * rate) / rounds + 1e-6);
	publish(next, due - published);
	published = due;
	setImmediate(run); // where it is late, what was written goes out first
}

run();
