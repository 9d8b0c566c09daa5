// Arrays as the server packs them: int16 steps between the extremes, in base64 (campaign/sheets.py).

const NOTHING = -32768;

export function unpack(packed) {
  const text = atob(packed.data);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const steps = new DataView(bytes.buffer);
  const values = new Float64Array(bytes.length / 2);
  for (let i = 0; i < values.length; i++) {
    const step = steps.getInt16(2 * i, true);
    values[i] = step === NOTHING ? NaN : packed.low + packed.step * (step + 32767);
  }
  return values;
}

// A Gaussian of 1.5 pixels, for the eye only.
const KERNEL = [-3, -2, -1, 0, 1, 2, 3].map((place) => Math.exp(-0.5 * (place / 1.5) ** 2));

export function smooth(values) {
  return values.map((own, i) => {
    if (!Number.isFinite(own)) return own;
    let sum = 0;
    let weights = 0;
    for (let k = -3; k <= 3; k++) {
      const value = values[i + k];
      if (Number.isFinite(value)) {
        sum += KERNEL[k + 3] * value;
        weights += KERNEL[k + 3];
      }
    }
    return sum / weights;
  });
}
