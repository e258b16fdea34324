// Reads {files, sizes} from stdin; prints where sharp's attention crop lies, as shares of each picture.
const sharp = require('sharp');
const fs = require('fs');

async function main() {
  const { files, sizes } = JSON.parse(fs.readFileSync(0, 'utf8'));
  const all = [];
  for (const file of files) {
    const upright = await sharp(file).rotate().toBuffer({ resolveWithObject: true });
    const windows = [];
    for (const [width, height] of sizes) {
      const { info } = await sharp(file).rotate()
        .resize(width, height, { fit: 'cover', position: sharp.strategy.attention })
        .raw().toBuffer({ resolveWithObject: true });
      const scale = Math.max(width / upright.info.width, height / upright.info.height);
      const w = upright.info.width * scale, h = upright.info.height * scale;
      const left = -(info.cropOffsetLeft || 0), top = -(info.cropOffsetTop || 0);
      windows.push([left / w, top / h, (left + width) / w, (top + height) / h]);
    }
    all.push(windows);
  }
  console.log(JSON.stringify(all));
}
main();
