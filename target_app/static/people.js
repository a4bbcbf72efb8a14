// Who is in a room: asked for once, and from then on told by presence frames.

const COLLATOR = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Names, each once; of very many the server names only some, and tells how many there are. */
export class People {
  #names = new Set();
  // What was told since we asked: it is newer than the answer.
  #told = new Map();
  #sorted = null;
  #unnamedCount = 0;

  get count() {
    return this.#names.size + this.#unnamedCount;
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
  answer(names, count) {
    this.#names = new Set(names);
    this.#unnamedCount = Math.max(0, count - this.#names.size);
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
    else if (!this.#names.delete(name)) this.#unnamedCount = Math.max(0, this.#unnamedCount - 1);
  }
}
