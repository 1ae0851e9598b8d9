import Foundation
import Settings
import Testing

@testable import Demonstrations

@Suite struct PixelStatisticsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func matchesTheDefinition() throws {
    var generator = SeededGenerator(seed: 3)
    let episodes = [4, 66, 9].map { RecordedEpisode.random(steps: $0, using: &generator) }
    let dataset = try Dataset(at: folder.write(episodes))
    let other = try Dataset(at: folder.write([.labelled(0, steps: 5)], id: "test/other-v0"))
    let statistics = try PixelStatistics(over: [EpisodeSelection(dataset, episodes: [2, 1]), EpisodeSelection(other)])

    let all = episodes[2].frames + episodes[1].frames + RecordedEpisode.labelled(0, steps: 5).frames
    let whole = Spread(all.map(Double.init))
    #expect(abs(Double(statistics.mean) - whole.mean) < 1e-4 && abs(Double(statistics.deviation) - whole.sd) < 1e-4)
    #expect(Double(statistics.minimum) == whole.min && Double(statistics.maximum) == whole.max)
    #expect(statistics.pixelMeans.count == 1024 && statistics.pixelDeviations.count == 1024)
    for pixel in [0, 1, 500, 1023] {
      let one = Spread(stride(from: pixel, to: all.count, by: 1024).map { Double(all[$0]) })
      #expect(abs(Double(statistics.pixelMeans[pixel]) - one.mean) < 1e-4)
      #expect(abs(Double(statistics.pixelDeviations[pixel]) - one.sd) < 1e-4)
    }
  }

  @Test func aConstantPixelDeviatesByNothing() throws {
    var episode = RecordedEpisode.labelled(0, steps: 200)
    episode.frames = .init(repeating: 255, count: episode.frames.count)
    let statistics = try PixelStatistics(over: [EpisodeSelection(Dataset(at: folder.write([episode])))])
    #expect(statistics.deviation == 0 && statistics.mean == 255)
    #expect(statistics.pixelDeviations.allSatisfy { $0 == 0 })
  }

  @Test func refusesAnEmptySelection() throws {
    #expect(throws: DemonstrationError.nothingSelected) { try PixelStatistics(over: []) }
  }
}

@Suite struct DatasetSummaryTests {
  @Test func saysWhatTheFixtureHolds() throws {
    let summary = try DatasetSummary(at: fixture("channels-last-v0"))
    #expect(summary.episodes == 2 && summary.transitions == 76)
    #expect(summary.length == Spread(mean: 38, sd: 35, min: 3, max: 73))
    let returns = [1.5, (0..<73).reduce(0) { $0 + Double($1) / 2 - 1 }]
    #expect(summary.return.mean == (returns[0] + returns[1]) / 2)
    #expect(summary.return.min == returns[0] && summary.return.max == returns[1])
    #expect(summary.actions.map(\.counts) == [[[25, 26, 25]]])
    #expect(summary.ends == DatasetSummary.Ends(terminated: 1, truncated: 1))
    #expect(summary.fields["observation"]?[0].min == 0 && summary.fields["observation"]?[0].max == 250)
    #expect(summary.description.contains("transitions   76"))
    #expect(summary.description.contains("38 ± 35  (3 to 73) steps"))
  }

  @Test func hasTheKeysThatProgramsRead() throws {
    let summary = try DatasetSummary(at: fixture("channels-first-v0"))
    let value = try JSONDecoder().decode([String: JSONValue].self, from: JSONEncoder().encode(summary))
    #expect(value["episodes"] == 2 && value["transitions"] == 76)
    for key in ["return", "length"] {
      guard case .object(let spread) = value[key] else {
        Issue.record("'\(key)' is no object")
        continue
      }
      #expect(Set(spread.keys) == ["mean", "sd", "min", "max"])
    }
  }
}
