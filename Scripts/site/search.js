// Search: every word has to be in a section; where it stands in a title counts most. The sections are in index.js.
"use strict";

/** The sections that have all words, best first. */
function search(question) {
    const words = question.toLowerCase().split(/\s+/).filter((word) => word.length > 0);
    if (words.length === 0) return [];
    const found = [];
    for (const [address, page, title, text] of sections) {
        const lower = [title, page, text].map((part) => part.toLowerCase());
        let score = 0;
        const hasAll = words.every((word) => {
            const points = (lower[0].includes(word) ? 8 : 0) + (lower[1].includes(word) ? 4 : 0)
                + Math.min(lower[2].split(word).length - 1, 3);
            score += points;
            return points > 0;
        });
        if (hasAll) found.push({ address, page, title, text, score });
    }
    return found.sort((one, other) => other.score - one.score);
}

/** Some words around the first one that was asked for. */
function excerpt(text, word) {
    const place = Math.max(text.toLowerCase().indexOf(word), 0);
    const start = Math.max(place - 80, 0);
    return (start > 0 ? "\u2026 " : "") + text.slice(start, place + 160) + (place + 160 < text.length ? " \u2026" : "");
}

const question = new URLSearchParams(location.search).get("q") ?? "";
const results = document.getElementById("results");
document.querySelector("input[type=search]").value = question;
if (results !== null && question !== "") {
    const found = search(question);
    document.getElementById("count").textContent = `${found.length} sections have "${question}"`;
    for (const section of found.slice(0, 50)) {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = section.address;
        link.textContent = section.title === section.page ? section.page : `${section.page}: ${section.title}`;
        const words = document.createElement("p");
        words.textContent = excerpt(section.text, question.toLowerCase().split(/\s+/)[0]);
        item.append(link, words);
        results.append(item);
    }
}
