/// Scalars of one step by name (`group/name`, with any unit), left on the device until somebody reads them.
public typealias Metrics = [String: Tensor]
