import Configuration
import Demonstrations
import Foundation
import Spaces
import Torch
import WorldModel

/// What a run was made of, beside its configuration: the details in `run.json`.
public struct RunDetails: Codable, Equatable, Sendable {
  /// A dataset as it was when the run began.
  public struct Source: Codable, Equatable, Sendable {
    public let path: String
    public let fingerprint: String
  }

  public let device: Device
  public let precision: Precision
  /// That it computed with: sums depend on how they are split.
  public let threads: Int
  public let data: [Source]
  /// What the run's networks are shown: pixels, a vector of so many numbers.
  private let frame: FrameShape?
  private let vector: Int?
  /// What they do: one of so many actions; or so many numbers, and their bounds.
  private let actionCount: Int
  private let low, high: [Float]?
  /// Episodes of the data that an agent learned from; a world model uses all.
  public let useEpisodes: Int
  /// The folder of an agent's world model, and the fingerprint of its weights.
  public let worldModel: Source?

  public init(
    device: Device, precision: Precision, threads: Int, data: [Source], _ observation: ObservationSpace, _ actions: ActionSpace, useEpisodes: Int,
    worldModel: Source?
  ) {
    (self.device, self.precision, self.threads, self.data) = (device, precision, threads, data)
    (frame, vector) = (observation.frame, observation.vector == 0 ? nil : observation.vector)
    actionCount = actions.size
    if case .box(let low, let high) = actions { (self.low, self.high) = (low, high) } else { (low, high) = (nil, nil) }
    (self.useEpisodes, self.worldModel) = (useEpisodes, worldModel)
  }

  public var observation: ObservationSpace {
    ObservationSpace(channels: frame?.channels ?? 0, height: frame?.side ?? 0, width: frame?.side ?? 0, vector: vector ?? 0)
  }
  public var actions: ActionSpace {
    if let low, let high { .box(low: low, high: high) } else { .discrete(actionCount) }
  }
}

extension RunDetails: CheckedDetails {
  var problem: String? {
    if !observation.isSupported { return "names frames that there are no networks for" }
    if !actions.isSupported { return "names actions that there are no networks for" }
    return (1...4096).contains(threads) && useEpisodes >= 0 ? nil : "names numbers that cannot be"
  }
}

public typealias Record = RunRecord<RunDetails>

/// The code that runs.
public enum Build {
  /// The commit the program was built from, with `+` where files had changed since, and libtorch's version.
  public static var version: String { "\(commit), libtorch \(Libtorch.version)" }
  public static var commit: String { builtCommit }
}
