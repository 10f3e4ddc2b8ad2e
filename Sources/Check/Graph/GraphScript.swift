// What the page does: it finds the way of an address in the trace that route-test writes (docs/trace.md), and lights it up. Text
// that comes from maps and addresses is only ever put in as text.

/// The script of the page.
enum GraphScript {
    /// The whole script; what it works on stands in the page as data.
    static let text = #"""
        (() => {
        "use strict";
        const part = name => document.getElementById(name);
        const data = JSON.parse(part("data").textContent);
        const svg = part("picture");

        // Bytes that are no text come as {"base64": ...}; what nobody sees, or what turns text around, is written out.
        const show = value => {
          if (value && typeof value === "object") {
            return Array.from(atob(value.base64), c => c < " " || c > "~"
              ? "\\x" + c.charCodeAt(0).toString(16).padStart(2, "0") : c).join("");
          }
          return String(value).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, c => "\\u{" + c.codePointAt(0).toString(16) + "}");
        };
        const make = (name, text, kind) => {
          const element = document.createElement(name);
          if (text !== undefined) element.textContent = text;
          if (kind) element.className = kind;
          return element;
        };

        const places = new Map(data.nodes.map((node, place) => [JSON.stringify(node.id), place]));
        const find = (...id) => places.get(JSON.stringify(id));
        const answers = new Map(JSON.parse(part("answers").textContent).map(answer => [show(answer.address), answer]));
        const lines = new Set(data.edges.map(edge => edge.join("-")));
        const groups = new Map();
        data.domains.forEach((names, group) => names.forEach(name => groups.set(name, group)));

        // The group of a domain, searched as the driver pathalias searches.
        const groupOf = address => {
          const at = address.lastIndexOf("@");
          if (at < 0) return undefined;
          const domain = address.slice(at + 1).toLowerCase();
          if (groups.has(domain)) return groups.get(domain);
          for (let dot = 0; dot >= 0;) {
            const suffix = dot ? domain.slice(dot) : "." + domain;
            if (groups.has(suffix)) return groups.get(suffix);
            dot = domain.indexOf(".", dot + 1);
          }
          return data.complete ? data.anyOther : undefined;
        };

        // ---- The way of an answer: which boxes and lines it passes.
        const wayOf = answer => {
          const way = {lit: new Set(), passed: new Set(), asked: new Set(), lines: new Set()};
          let group, first, step, map;
          const light = place => { if (place !== undefined) way.lit.add(place); return place; };
          const line = (from, to) => {
            if (from !== undefined && to !== undefined) way.lines.add("e" + from + "-" + to);
          };
          // Where no entry of the domain belongs to the step itself, the way to it begins at the first step that was taken.
          const reach = () => {
            light(step);
            light(group);
            line(group, lines.has(group + "-" + step) ? step : first);
          };
          // Steps that have nothing to ask are passed by.
          const go = (from, to) => {
            if (from === undefined || lines.has(from + "-" + to)) { line(from, to); return; }
            for (let place = from; place < to && lines.has(place + "-" + (place + 1)); place++) line(place, place + 1);
          };
          const end = (channelName, hostName) => {
            reach();
            const channel = light(find("channel", channelName) ?? find("channel", null));
            line(map ?? step, channel);
            const code = channelName === "error" && typeof hostName === "string" ? hostName.split("!")[0] : hostName;
            const host = light(find("host", channelName, code) ?? find("anyhost", channelName) ?? find("otherhosts", channelName));
            line(channel, host);
            const servers = data.edges.filter(edge => edge[0] === host && host !== undefined);
            if (servers.length === 1) { light(servers[0][1]); line(host, servers[0][1]); }
            map = undefined;
          };
          for (const event of answer.trace ?? []) {
            switch (event.event) {
            case "address":
              group = groupOf(show(event.address)) ?? (way.lit.size ? group : undefined);
              first = step = map = undefined;
              break;
            case "step": {
              const next = find("step", event.step);
              if (next !== undefined) {
                go(step, next);
                first ??= next;
                step = next;
                way.passed.add(next);
              }
              map = undefined;
              break;
            }
            case "lookup": {
              const place = find("map", event.relation, event.type, event.file);
              if (place === undefined) break;
              if (event.answer === "absent") { way.asked.add(place); break; }
              map = place;
              reach();
              light(place);
              line(step, place);
              if (event.answer === "failed") line(place, light(find("channel", "hold")));
              break;
            }
            case "expanded":
              if (map === undefined) break;
              line(map, light(find("anew")));
              break;
            case "unusable-value":
              line(map, light(find("noroute")));
              map = undefined;
              break;
            case "route": {
              const route = event.route ?? event;
              end(route.channel, route.host);
              break;
            }
            }
          }
          for (const route of answer.routes) {
            const channel = find("channel", route.channel) ?? find("channel", null);
            if (!way.lit.has(channel)) end(route.channel, route.host);
          }
          return way;
        };

        const clear = () => {
          svg.classList.remove("asked-for", "pointed-at");
          for (const element of svg.querySelectorAll(".lit,.passed,.asked,.hot")) {
            element.classList.remove("lit", "passed", "asked", "hot");
          }
        };
        const drawWay = way => {
          clear();
          svg.classList.add("asked-for");
          for (const kind of ["lit", "passed", "asked"]) {
            for (const place of way[kind]) part("n" + place)?.classList.add(kind);
          }
          for (const name of way.lines) part(name)?.classList.add("lit");
        };

        // ---- The words beside it.
        const words = {
          routed: "goes to", failed: "has no route for good", deferred: "cannot be told now, and mail to it waits at"
        };
        const tellAnswer = (address, answer) => {
          const line = part("answer");
          line.replaceChildren(make("bdi", address, "code"), " " + (words[answer.status] ?? answer.status) + " ");
          line.className = answer.status;
          answer.routes.forEach((route, place) => {
            if (place) line.append(", ");
            const name = make("bdi", [route.channel, route.host, route.user].map(show).join(" ! "), "code");
            line.append(name);
          });
          if (answer.reason) line.append(" (" + show(answer.reason) + ")");
          const list = part("steps");
          list.replaceChildren();
          for (const event of answer.trace ?? []) {
            if (event.event === "address") list.append(make("li", "asks for " + show(event.address), "address"));
            if (event.event === "step") list.append(make("li", event.step, "step"));
            if (event.event === "lookup") {
              const found = event.answer === "found";
              const item = make("li", undefined, event.answer);
              item.append((found ? "✓ " : event.answer === "absent" ? "– " : "✕ ") + show(event.relation) + " ",
                make("bdi", show(event.key), "code"),
                found ? " is " : event.answer === "absent" ? " is not there" : " cannot be asked: " + show(event.reason));
              if (found) item.append(make("bdi", show(event.value), "code"));
              item.append(make("span", " (" + show(event.file).split("/").pop() + ")", "file"));
              item.title = show(event.file);
              list.append(item);
            }
            if (event.event === "route") {
              const route = event.route ?? event;
              list.append(make("li", "→ " + [route.channel, route.host, route.user].map(show).join(" ! "), "route"));
            }
          }
          part("way").hidden = false;
        };
        const say = text => {
          clear();
          part("answer").className = "remark";
          part("answer").textContent = text;
          part("way").hidden = true;
        };

        let asking = 0;
        const ask = async address => {
          const turn = ++asking;
          if (!address) { say(""); return; }
          part("address").value = address;
          const shown = show(address);
          let answer = answers.get(shown);
          if (data.live) {
            try {
              const reply = await fetch("trace?address=" + encodeURIComponent(address), {cache: "no-store"});
              const body = await reply.text();
              if (turn !== asking) return;
              if (!(reply.headers.get("content-type") ?? "").startsWith("application/json")) {
                say("The server has no answer (" + reply.status + "): " + body.trim());
                return;
              }
              answer = JSON.parse(body);
            } catch (error) {
              if (turn === asking) say("The server cannot be asked: " + error.message);
              return;
            }
          }
          if (!answer) {
            say("This page was made without the way of " + shown + ", and no server answers it. Make one that has it: "
              + "zroute graph --html '" + shown.replaceAll("'", "'\\''") + "' > page.html; or open it at zroute serve --listen http=127.0.0.1:8025.");
            return;
          }
          drawWay(wayOf(answer));
          tellAnswer(shown, answer);
        };
        const askHash = () => {
          let address = location.hash.slice(1);
          try { address = decodeURIComponent(address); } catch { /* As it stands. */ }
          ask(address);
        };
        part("ask").addEventListener("submit", event => {
          event.preventDefault();
          const hash = "#" + encodeURIComponent(part("address").value.trim());
          if (location.hash === hash) askHash(); else location.hash = hash;
        });
        addEventListener("hashchange", askHash);
        for (const address of answers.keys()) {
          const option = make("option");
          option.value = address;
          part("known").append(option);
          const link = make("a");
          link.href = "#" + encodeURIComponent(address);
          link.append(make("bdi", address));
          part("examples").append(link, " ");
        }
        part("examples").hidden = !answers.size;

        // ---- Boxes, by pointer and keyboard.
        const pointAt = place => {
          if (svg.classList.contains("asked-for")) return;
          clear();
          svg.classList.add("pointed-at");
          part("n" + place).classList.add("hot");
          for (const path of data.paths) {
            if (!path.includes(place)) continue;
            path.forEach((other, index) => {
              part("n" + other).classList.add("hot");
              if (index) part("e" + path[index - 1] + "-" + other)?.classList.add("hot");
            });
          }
        };
        const leave = () => { if (!svg.classList.contains("asked-for")) clear(); };
        const tell = place => {
          const node = data.nodes[place];
          const about = part("about");
          about.replaceChildren(make("h2", node.title));
          for (const line of node.lines) about.append(make("p", line));
          const list = make("ul");
          for (const line of node.details) list.append(make("li")).append(make("bdi", line, "code"));
          for (const line of node.findings) list.append(make("li", line, "finding"));
          about.append(list);
          about.hidden = false;
        };
        data.nodes.forEach((node, place) => {
          const box = part("n" + place);
          box.addEventListener("pointerenter", () => pointAt(place));
          box.addEventListener("pointerleave", leave);
          box.addEventListener("focus", () => pointAt(place));
          box.addEventListener("blur", leave);
          box.addEventListener("click", () => tell(place));
          box.addEventListener("keydown", event => {
            if (event.key === "Enter" || event.key === " ") { event.preventDefault(); tell(place); }
          });
        });
        addEventListener("keydown", event => {
          if (event.key !== "Escape") return;
          part("about").hidden = true;
          if (location.hash.length > 1) location.hash = ""; else say("");
        });
        document.documentElement.classList.add("ready");
        askHash();
        })();

        """#
}
