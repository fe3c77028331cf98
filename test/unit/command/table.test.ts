// Proves both tables against outputs of the originals: Go's tabwriter and go-pretty.
import { describe, expect, test } from "vitest";
import { renderBox, renderTabbed } from "../../../src/command/table.ts";

describe("the plain table", () => {
  test("pads columns to the widest cell and one space, but not the last", () => {
    const rows = [
      ["a", "b"],
      ["1692753495", "123"],
      ["lorem ipsum dolor sit amet consectetur adipiscing elit", "some value"],
      ["", ""],
    ];
    expect(renderTabbed(rows)).toBe(
      `a${" ".repeat(54)}b\n` +
        `1692753495${" ".repeat(45)}123\n` +
        "lorem ipsum dolor sit amet consectetur adipiscing elit some value\n" +
        `${" ".repeat(55)}\n`,
    );
  });

  test("gives an empty column its space, and counts characters instead of bytes", () => {
    expect(
      renderTabbed([
        ["é\u{1f600}", "", "x"],
        ["abc", "", "y"],
      ]),
    ).toBe("é\u{1f600}   x\nabc  y\n");
  });

  test("lets the last cell of a short row stand out, as nothing follows it", () => {
    expect(
      renderTabbed([
        ["a", "a long title"],
        ["1", "x", "", ""],
        ["2", "yz", "", ""],
      ]),
    ).toBe("a a long title\n1 x   \n2 yz  \n");
  });

  test("is empty without rows", () => expect(renderTabbed([])).toBe(""));
});

describe("the bordered table", () => {
  test("has an upper-case header and left-aligned text", () => {
    const rows = [
      ["0", "Thu, 23 Aug 2023 09:26:25", "123"],
      ["1", "Lorem ipsum dolor sit amet, consectetur adipiscing elit.", "some value"],
      ["2", "", ""],
    ];
    const header = ["#", "A (pretty)", "B (pretty)"];
    expect(renderBox({ header, rows, numericColumns: [0] })).toBe(
      [
        "+---+----------------------------------------------------------+------------+",
        "| # | A (PRETTY)                                               | B (PRETTY) |",
        "+---+----------------------------------------------------------+------------+",
        "| 0 | Thu, 23 Aug 2023 09:26:25                                | 123        |",
        "| 1 | Lorem ipsum dolor sit amet, consectetur adipiscing elit. | some value |",
        "| 2 |                                                          |            |",
        "+---+----------------------------------------------------------+------------+",
        "",
      ].join("\n"),
    );
  });

  test("aligns numbers, and their header, to the right", () => {
    const rows = [
      ["9", "x"],
      ["10", "y"],
    ];
    expect(renderBox({ header: ["#", "t"], rows, numericColumns: [0] })).toBe(
      ["+----+---+", "|  # | T |", "+----+---+", "|  9 | x |", "| 10 | y |", "+----+---+", ""].join(
        "\n",
      ),
    );
  });
});
