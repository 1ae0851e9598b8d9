import Configuration
import Demonstrations
import Foundation
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
  /// The frames and actions that the run's networks take.
  public let frame: FrameShape
  public let actionCount: Int
  /// Episodes of the data that an agent learned from; a world model uses all.
  public let useEpisodes: Int
  /// The folder of an agent's world model, and the fingerprint of its weights.
  public let worldModel: Source?
}

public typealias Record = RunRecord<RunDetails>

/// The code that runs.
public enum Build {
  /// The commit the program was built from, with `+` where files had changed since, and libtorch's version.
  public static var version: String { "\(commit), libtorch \(Libtorch.version)" }
  public static var commit: String { builtCommit }
}
