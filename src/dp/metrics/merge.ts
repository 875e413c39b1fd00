/** One page of several: the samples of each metric stand together, as the text format demands. */
export function mergeMetricPages(pages: readonly string[]): string {
  const families = new Map<string, { readonly head: string; samples: string[] }>();
  for (const page of pages) {
    for (const block of page.split(/^(?=# HELP )/m)) {
      const [, head, name, samples = ''] = /^(# HELP (\S+) .*\n# TYPE .*\n)([\s\S]*)$/.exec(block) ?? [];
      if (head === undefined || name === undefined) continue;
      const family = families.get(name) ?? { head, samples: [] };
      family.samples.push(samples);
      families.set(name, family);
    }
  }
  return [...families.values()].map(({ head, samples }) => `${head}${samples.join('')}`).join('');
}
