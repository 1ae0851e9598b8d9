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
      let folder = URL(fileURLWithPath: dataset)
      let summary = try DatasetSummary(at: folder)
      try printResult(summary, json: json)
      guard !summary.notFinite.isEmpty else { return }
      // Reading it as training does says where the first is.
      let whole = try Dataset(at: folder)
      for episode in whole.episodes { _ = try whole.frames(episode: episode.index) }
    }
  }
}
