import Environments
import Foundation
import Testing
import Torch

@testable import Evaluation
@testable import Training

/// The agents that come with the project, under `models/`.
@Suite struct ModelsTests {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: "models")

  private static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { FileManager.default.fileExists(atPath: folder.appending(path: "\($0)/run.json").path) }

  /// Where each acts, and what a few episodes return at least.
  private static let places = ["road": ("road", 200.0), "cartpole": ("gym:CartPole-v1", 60)]

  @Test func thereAreThoseThatAreNamed() { #expect(Set(Self.names) == Set(Self.places.keys)) }

  @Test(arguments: names) func playsAndIsSmall(name: String) throws {
    let folder = Self.folder.appending(path: name)
    let loaded = try LoadedAgent(at: folder)
    let bytes = try FileManager.default.subpathsOfDirectory(atPath: folder.path).map {
      (try FileManager.default.attributesOfItem(atPath: folder.appending(path: $0).path)[.size] as? Int) ?? 0
    }
    #expect(bytes.reduce(0, +) < 8_000_000)
    #expect(try !String(contentsOf: folder.appending(path: "run.json"), encoding: .utf8).contains("/"))
    let (environment, least) = try #require(Self.places[name])
    do {
      let result = try Evaluation(environment: environment, pipeline: loaded.pipeline, episodes: 4, seed: 77).run(
        .agent(loaded.agent), named: name)
      #expect(result.mean > least && result.starts?.different == 4)
    } catch EnvironmentError.noPython, EnvironmentError.missingPackage {}  // Gymnasium is optional.
  }
}
