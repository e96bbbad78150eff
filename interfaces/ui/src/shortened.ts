/** A value in which long data URLs stand as what they hold: for reading, and for code that is copied. */
export function shortened<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value, (_, one) =>
      typeof one === "string" && one.length > 300 && one.startsWith("data:")
        ? `${one.slice(0, one.indexOf(",") + 1)}<${Math.ceil(((one.length - one.indexOf(",") - 1) * 3) / 4 / 1000)} kB in base64>`
        : one,
    ),
  );
}
