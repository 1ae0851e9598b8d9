import ArgumentParser
import Demonstrations
import Foundation

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Looks into datasets.", subcommands: [Info.self])

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Says what a dataset holds: episodes, returns, spaces, pixels.")

    @Argument(help: .init("The dataset's folder.", valueName: "dataset")) var dataset: String
    @Flag(help: "Print one JSON document.") var json = false

    func run() throws {
      try printResult(DatasetSummary(Dataset(at: URL(fileURLWithPath: dataset))), json: json)
    }
  }
}
