import ArgumentParser
import Foundation
import Runs
import Studies

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Compares agents that were evaluated: a table and a picture over expert episodes or horizons.",
    discussion:
      "Agents that differ in their seeds alone are one point; what else sets them apart makes lines of their own. Results of 'scripted' and 'random' become horizontal lines."
  )

  @Argument(help: .init("Results of 'ditto evaluate --json'.", valueName: "file.json")) var results: [String]
  @Option(help: "What they are compared over: \(ReportAxis.allCases.map(\.rawValue).joined(separator: " or ")).")
  var over = ReportAxis.episodes
  @Flag(help: "Print one JSON document.") var json = false
  @Option(help: .init("Write the points as a table.", valueName: "file.csv")) var csv: String?
  @Option(help: .init("Draw them too.", valueName: "file.svg")) var picture: String?

  func run() throws {
    for (path, format) in [(csv, AtomicFile.Format.csv), (picture, .svg)] {
      if let path { try AtomicFile.checkPlace(of: URL(fileURLWithPath: path), as: [format]) }
    }
    let report = try Report(results.map { URL(fileURLWithPath: $0) }, over: over)
    try printResult(report, json: json)
    for (path, text) in [(csv, report.csv), (picture, report.picture)] {
      if let path { try AtomicFile.write(Data(text.utf8), to: URL(fileURLWithPath: path)) }
    }
  }
}
