// One request a line on stdin: {file, type, position}. Answers {ms, cpu, bytes} a line: base64 in, six files as base64 out.
const sharp = require('sharp');
const fs = require('fs');
const readline = require('readline');

const SIZES = JSON.parse(process.argv[2]);
const inputs = {};

async function run({ file, type, position }) {
  inputs[file] = inputs[file] || fs.readFileSync(file).toString('base64');
  const started = performance.now(), spent = process.cpuUsage();
  const source = Buffer.from(inputs[file], 'base64');
  const made = await Promise.all(SIZES.map(async ([width, height]) => {
    const scaled = sharp(source).rotate().resize(width, height, {
      fit: 'cover', position: position === 'attention' ? sharp.strategy.attention : 'centre',
    });
    return (await (type === 'png' ? scaled.png() : scaled.jpeg({ quality: 95 })).toBuffer()).toString('base64');
  }));
  const ms = performance.now() - started, used = process.cpuUsage(spent);
  const bytes = made.reduce((sum, text) => sum + Math.floor(text.length * 3 / 4), 0);
  return { ms, cpu: (used.user + used.system) / 1000, bytes };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await run(JSON.parse(line))));
  }
})();
