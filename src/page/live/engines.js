// Who computes: the GPU, or a worker that needs none. Both load a climb and run it; a program gives values by node.
class Cpu {
  static open(model) {
    const cpu = new Cpu();
    const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
    Object.assign(cpu, { worker: new Worker(url), open: new Map(), number: 0, name: "" });
    cpu.worker.onmessage = ({ data: { number, answer, error } }) => {
      const { resolve, reject } = cpu.open.get(number);
      cpu.open.delete(number);
      if (error === undefined) resolve(answer); else reject(new Error(error));
    };
    cpu.worker.onerror = (event) => {
      for (const { reject } of cpu.open.values()) reject(new Error(event.message || "no worker"));
      cpu.open.clear();
    };
    cpu.ready = cpu.order({ what: "numbers", places: model.places, bytes: model.bytes });
    return cpu;
  }

  get kind() { return "cpu"; }

  order(order) {
    const number = this.number++;
    return new Promise((resolve, reject) => {
      this.open.set(number, { resolve, reject });
      this.worker.postMessage({ number, order });
    });
  }

  async load(climb, which, filter, changes = {}) {
    await this.ready;
    const program = new CpuProgram(this, climb, which, changes);
    await program.set_filter(filter);
    return program;
  }

  destroy() { this.worker.terminate(); }
}

class CpuProgram {
  constructor(cpu, climb, which, changes) {
    Object.assign(this, { cpu, climb, which, changes });
  }

  set_filter(filter) {
    const { nodes, own, bias } = this.climb;
    this.filter = filter;
    this.cpu.loaded = this;
    return this.cpu.order({ what: "load", climb: { nodes, own, bias }, filter, changes: this.changes });
  }

  async run(inputs, want, { blocked = [], look = [] } = {}) {
    if (this.cpu.loaded !== this) await this.set_filter(this.filter);
    const { values, looks } = await this.cpu.order({ what: "run", inputs: [...inputs], want, blocked, look });
    return { values: new Map(values), looks };
  }

  follow(recipe, image, gradient, memory) { return follow(recipe, image, gradient, memory); }

  destroy() {}
}
