using Xunit;

// Every test starts silos, most of them three with load on all processors: beside each other they would only wait longer, up to the patience
// that they are about.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
