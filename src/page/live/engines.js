// Who computes: the GPU, or a worker that needs none. Both load a climb and run it; a program gives values by node.

// The page's worker. It holds the numbers, packs kernels for the GPU, and computes where there is none, so that the page always answers
// its reader. One for all.
class Helper {
  constructor() {
    const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
    Object.assign(this, { worker: new Worker(url), open: new Map(), number: 0 });
    this.worker.onmessage = ({ data: { number, answer, error } }) => {
      const { resolve, reject } = this.open.get(number);
      this.open.delete(number);
      if (error === undefined) resolve(answer); else reject(new Error(error));
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.open.values()) reject(new Error(event.message || "no worker"));
      this.open.clear();
    };
  }

  order(order) {
    const number = this.number++;
    return new Promise((resolve, reject) => {
      this.open.set(number, { resolve, reject });
      this.worker.postMessage({ number, order });
    });
  }
}

class Cpu {
  static open({ helper }) { return Object.assign(new Cpu(), { helper, name: "" }); }

  get kind() { return "cpu"; }

  async load(climb, which, filter, changes = {}) {
    const program = new CpuProgram(this, climb, which, changes);
    await program.set_filter(filter);
    return program;
  }
}

class CpuProgram {
  constructor(cpu, climb, which, changes) {
    Object.assign(this, { cpu, climb, which, changes });
  }

  set_filter(filter) {
    const { nodes, own, bias } = this.climb;
    this.filter = filter;
    this.cpu.helper.loaded = this;
    return this.cpu.helper.order({ what: "load", climb: { nodes, own, bias }, filter, changes: this.changes });
  }

  async run(inputs, want, { blocked = [], look = [] } = {}) {
    if (this.cpu.helper.loaded !== this) await this.set_filter(this.filter);
    const { values, looks } = await this.cpu.helper.order({ what: "run", inputs: [...inputs], want, blocked, look });
    return { values: new Map(values), looks };
  }

  follow(recipe, image, gradient, memory) { return follow(recipe, image, gradient, memory); }

  destroy() {}
}
