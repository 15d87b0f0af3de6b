namespace Metering.Core;

/// <summary>Something that can never be true was about to become true: a bug. Nothing of the decision at fault may be kept.</summary>
public sealed class InvariantException : Exception
{
    /// <summary>Says what would have been broken.</summary>
    /// <param name="message">The invariant.</param>
    public InvariantException(string message)
        : base(message)
    {
    }

    /// <summary>Says what would have been broken, and what came up at it.</summary>
    /// <param name="message">The invariant.</param>
    /// <param name="innerException">What came up.</param>
    public InvariantException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>Assertions that stand in Release too.</summary>
internal static class Invariant
{
    /// <summary>Throws where the invariant does not hold.</summary>
    public static void Holds(bool holds, string invariant)
    {
        if (!holds)
        {
            throw new InvariantException(invariant);
        }
    }
}
