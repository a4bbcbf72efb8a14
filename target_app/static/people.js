// Who is in a room: asked for once, and from then on told by presence frames.

const COLLATOR = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Names, each once. */
export class People {
  #names = new Set();
  // What was told since we asked: it is newer than the answer.
  #told = new Map();
  #sorted = null;

  get count() {
    return this.#names.size;
  }

  /** Everybody, in the order of the alphabet; 2,000 names are put in order only after a change. */
  sorted() {
    this.#sorted ??= [...this.#names].sort(COLLATOR.compare);
    return this.#sorted;
  }

  /** Begin anew: whoever is there will be told, or told of. */
  ask() {
    this.#told.clear();
  }

  /** Take the answer to what was asked. */
  answer(names) {
    this.#names = new Set(names);
    for (const [name, isThere] of this.#told) this.#set(name, isThere);
    this.#sorted = null;
  }

  /** Somebody came or went. */
  tell(name, isThere) {
    this.#told.set(name, isThere);
    this.#set(name, isThere);
    this.#sorted = null;
  }

  #set(name, isThere) {
    if (isThere) this.#names.add(name);
    else this.#names.delete(name);
  }
}
