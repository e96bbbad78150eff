export { default as Overview } from "./board.tsx";
