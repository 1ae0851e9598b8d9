/// How an environment is run, which changes nothing of what it does.
public struct Hosting: Sendable {
  /// The most episodes side by side, which are so many instances in one process; nil for what is usual. Some
  /// environments take only one, such as those that bind a port.
  public var instances: Int?
  /// How long a reset or a step of all instances, or the start, may take.
  public var patience: Duration

  public init(instances: Int? = nil, patience: Duration = .seconds(120)) {
    (self.instances, self.patience) = (instances, patience)
  }
}
