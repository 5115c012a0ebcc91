"""Turns free text from Debian packages into training data for the default model.

Usage: prepare.py --root DIR --out DIR
DIR (--root) holds the unpacked packages (`apt-get download NAME && dpkg -x NAME.deb DIR`), see README.md.
Writes train.bin and heldout.bin (uint16 token ids), tokenizer.json, and sources.json (what was read, with its SHA-256).
A document goes to the held-out part when the first byte of its SHA-256 is below 13 (5 %), so the split never depends on order.
"""
import argparse, gzip, hashlib, json, os, re, subprocess
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 2048
END = "<|endoftext|>"


def kjv(root):
    """Chapters of the King James Version, as the `bible` program prints them."""
    env = dict(os.environ)
    data = os.path.join(root, "usr/lib/bible.data")
    program = os.path.join(root, "usr/bin/bible")
    text = subprocess.run([program, "-p", os.path.dirname(data), "-f", "gen1:1-rev22:21"], env=env, capture_output=True, text=True).stdout
    chapters, current, last = [], [], None
    for line in text.splitlines():
        match = re.match(r"^([1-3]?[A-Za-z]+)(\d+):(\d+) (.*)$", line)
        if not match:
            continue
        chapter = (match.group(1), match.group(2))
        if chapter != last and current:
            chapters.append(" ".join(current))
            current = []
        last = chapter
        current.append(match.group(4).strip())
    return chapters + ([" ".join(current)] if current else [])


def dictd(root, name):
    """Entries of a dictd dictionary, paragraphs joined."""
    path = os.path.join(root, f"usr/share/dictd/{name}.dict.dz")
    text = gzip.open(path, "rt", encoding="utf-8", errors="ignore").read()
    blocks = re.split(r"\n(?=\S)", text)
    return [re.sub(r"\s+", " ", block).strip() for block in blocks if len(block) > 60 and not block.startswith("00-database")]


def wordnet(root):
    """Glosses and example sentences, as plain definitions."""
    out = []
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(os.path.join(root, f"usr/share/wordnet/data.{part}"), encoding="latin-1"):
            if line.startswith("  ") or "|" not in line:
                continue
            head, gloss = line.split("|", 1)
            fields = head.split()
            words = [fields[4 + 2 * i].split("(")[0].replace("_", " ") for i in range(int(fields[3], 16))]
            out.append(f"{', '.join(words[:3])}: {gloss.strip()}.")
    # Neighbouring synsets are related: join runs, so that a document is longer than one line.
    return [" ".join(out[i : i + 8]) for i in range(0, len(out), 8)]


def faq(root):
    path = os.path.join(root, "usr/share/doc/debian/FAQ/debian-faq.en.txt.gz")
    text = gzip.open(path, "rt", encoding="utf-8", errors="ignore").read()
    return [re.sub(r"\s+", " ", part).strip() for part in re.split(r"\n\s*\n\s*\n", text) if len(part) > 100]


SOURCES = [
    ("bible-kjv", "King James Version; out of copyright (Crown patent in the United Kingdom)", kjv, 1),
    ("dict-jargon", "The Jargon File; public domain", lambda root: dictd(root, "jargon"), 1),
    ("dict-devil", "The Devil's Dictionary; public domain", lambda root: dictd(root, "devil"), 1),
    ("wordnet-base", "WordNet 3.0; WordNet licence", wordnet, 1),
    ("debian-faq", "Debian FAQ; GPL-2+", faq, 1),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    train, heldout, sources = [], [], []
    for package, licence, read, _ in SOURCES:
        documents = read(os.path.join(args.root, package))
        digest = hashlib.sha256("\n".join(documents).encode()).hexdigest()
        sources.append({"package": package, "licence": licence, "documents": len(documents), "bytes": sum(len(d.encode()) for d in documents), "sha256": digest})
        for document in documents:
            (heldout if hashlib.sha256(document.encode()).digest()[0] < 13 else train).append(document)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        train, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )
    tokenizer.save(os.path.join(args.out, "tokenizer.json"))
    rng = np.random.default_rng(7)
    for name, documents in (("train", train), ("heldout", heldout)):
        order = rng.permutation(len(documents))
        ids = []
        for encoding in tokenizer.encode_batch([documents[i] for i in order]):
            ids.append(0)
            ids.extend(encoding.ids)
        np.array(ids, dtype=np.uint16).tofile(os.path.join(args.out, f"{name}.bin"))
        print(name, len(documents), "documents", len(ids), "tokens")
    json.dump(sources, open(os.path.join(args.out, "sources.json"), "w"), indent=1)


main()
