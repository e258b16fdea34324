// One request a line on stdin: {file, type, quality}. Answers {ms, cpu, text} a line: the file in base64.
const sharp = require('sharp');
const fs = require('fs');
const readline = require('readline');

async function run({ file, type, quality }) {
  const source = fs.readFileSync(file);
  const started = performance.now(), spent = process.cpuUsage();
  const options = type === 'jpeg' ? { quality, progressive: true } : { quality };
  const made = await sharp(source).rotate().toFormat(type, options).toBuffer();
  const ms = performance.now() - started, used = process.cpuUsage(spent);
  return { ms, cpu: (used.user + used.system) / 1000, text: made.toString('base64') };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await run(JSON.parse(line))));
  }
})();
