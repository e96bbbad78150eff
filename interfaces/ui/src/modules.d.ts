declare module "shape:*" {
  const shape: import("./form.tsx").Shape;
  export default shape;
}
