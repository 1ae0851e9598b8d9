import Foundation

/// A number as people are shown it everywhere: four digits that count, however large or small it is.
package func shown(_ number: Double) -> String { String(format: "%.4g", number) }

/// A table for the terminal, its columns aligned: numbers to the right, text to the left.
public struct TextTable: CustomStringConvertible {
  private let rows: [[String]]

  /// - Parameter rows: each with a cell for every column.
  public init(columns: [String], rows: [[String]]) {
    precondition(rows.allSatisfy { $0.count == columns.count }, "each row must have \(columns.count) cells")
    self.rows = [columns] + rows
  }

  /// One line per row, without trailing spaces, under the columns' names and a rule.
  public var description: String {
    let columns = rows[0].indices.map { index in aligned(rows.map { $0[index] }) }
    var lines = rows.indices.map { row in
      let line = columns.map { $0[row] }.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
    lines.insert(columns.map { String(repeating: "-", count: $0[0].count) }.joined(separator: "  "), at: 1)
    return lines.joined(separator: "\n")
  }

  private func aligned(_ cells: [String]) -> [String] {
    let width = cells.map(\.count).max() ?? 0
    let filled = cells.dropFirst().filter { !$0.isEmpty }
    let numeric = !filled.isEmpty && filled.allSatisfy { "+-−0123456789".contains($0.first!) }
    return cells.map { cell in
      let padding = String(repeating: " ", count: width - cell.count)
      return numeric ? padding + cell : cell + padding
    }
  }
}
