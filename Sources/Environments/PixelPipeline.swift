/// How an environment's picture becomes an observation.
///
/// An agent sees in evaluation what it saw in its recordings only if both went through the same pipeline, so record and
/// evaluate with equal values. Pictures are grey, one channel, `size` × `size`, except for `none`.
public struct PixelPipeline: Codable, Equatable, Sendable {
  public enum Kind: String, Codable, CaseIterable, Sendable {
    /// The environment's own observation, as it is: a picture of `UInt8`, `[Y, X]` or `[Y, X, C]`, or a vector of
    /// numbers.
    case none
    /// The built-in `road`, which draws its own picture.
    case road
    /// What the environment renders (`render_mode="rgb_array"`), for environments whose own observation is a state:
    /// cropped by `crop`; luma of ITU-R BT.601, `0.299 R + 0.587 G + 0.114 B` rounded half to even; resized with
    /// OpenCV's `INTER_AREA`, the aspect ratio not kept.
    case rendered
    /// Atari as in Machado et al. (2018), through `gymnasium.wrappers.AtariPreprocessing`: the minimal action set, each
    /// action held for `frameSkip` frames and their rewards summed, the maximum over the last two frames, the whole
    /// grey screen resized with `INTER_AREA`. Losing a life does not end an episode. Rewards are not clipped.
    case atari
  }

  public var kind = Kind.road
  /// Height and width of the observation, in pixels. `road` draws 32 or 64.
  public var size = 32
  /// `rendered`: the rows `top..<bottom` and columns `left..<right` to keep, as `[top, bottom, left, right]` in pixels
  /// of the rendered picture. A bottom or right of 0 is the picture's edge.
  public var crop = [0, 0, 0, 0]
  /// `rendered`: whether the environment's own observation, a vector of numbers, is seen beside the picture.
  public var vector = false
  /// `atari`: frames per environment step.
  public var frameSkip = 4
  /// `atari`: an episode starts after 1 to this many no-op frames, drawn from its seed; 0 starts at once.
  public var noopMax = 30
  /// `atari`: the number of no-ops is 1 + seed mod `noopMax` instead of drawn from the seed, so that episodes of
  /// consecutive seeds start differently. Evaluations do so.
  public var noopsBySeed = false
  /// `atari`: the probability, each frame, that the game repeats its previous action instead of the one given.
  public var stickyActions = 0.0
  /// Environment steps after which an episode is truncated; 0 keeps the environment's own limit.
  public var maxEpisodeSteps = 0
  /// What a Gymnasium environment is made with besides, such as `[continuous=false, render_fps=30]`: names and values,
  /// JSON or text. What a recording's environment was made with is taken from its Minari `env_spec`. `atari` has its own
  /// `frameskip` and `repeat_action_probability`.
  public var arguments: [String] = []
  /// An evaluated episode begins with as many uniformly random actions as its seed draws between these two, `[least,
  /// most]`; empty for what is usual: up to 60 in Atari games without sticky actions, which are deterministic, and none
  /// elsewhere.
  public var randomSteps: [Int] = []

  /// `randomSteps`, with what is usual filled in.
  public var randomStart: ClosedRange<Int> {
    randomSteps.count == 2 ? randomSteps[0]...randomSteps[1] : kind == .atari && stickyActions == 0 ? 0...60 : 0...0
  }

  public init() {}
}
