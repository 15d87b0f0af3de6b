namespace Metering.Engine;

/// <summary>The store cannot serve now, and nothing was written. It may serve again by itself.</summary>
public sealed class LedgerUnavailableException : Exception
{
    /// <summary>Says why, for the operator.</summary>
    /// <param name="message">A sentence.</param>
    /// <param name="innerException">The store's own error.</param>
    public LedgerUnavailableException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>The store refused the content of a batch, and nothing was written.</summary>
public sealed class LedgerContentException : Exception
{
    /// <summary>Says what was refused, for the operator.</summary>
    /// <param name="message">A sentence.</param>
    /// <param name="innerException">The store's own error.</param>
    public LedgerContentException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>It cannot be known whether a commit took place.</summary>
public sealed class LedgerOutcomeUnknownException : Exception
{
    /// <summary>Says why, for the operator.</summary>
    /// <param name="message">A sentence.</param>
    /// <param name="innerException">The store's own error.</param>
    public LedgerOutcomeUnknownException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>The local store failed in a way that this process cannot judge: it must stop accepting, exit, and recover from disk at start.</summary>
public sealed class LedgerFatalException : Exception
{
    /// <summary>Says why, for the operator.</summary>
    /// <param name="message">A sentence.</param>
    /// <param name="innerException">The store's own error.</param>
    public LedgerFatalException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>
/// The meter cannot start: a broken setting, a file that cannot be opened, a database that is damaged, newer, or in use by another
/// process. The message is one sentence for people that says what to do; hosts print it without a stack trace and exit non-zero.
/// </summary>
public sealed class MeteringStartupException : Exception
{
    /// <summary>Says why and what to do.</summary>
    /// <param name="message">One sentence.</param>
    /// <param name="innerException">The cause.</param>
    public MeteringStartupException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>True where the cause is damage to what is stored: nothing that is set, and nobody who waits, mends it.</summary>
    public bool IsDamage { get; init; }

    /// <summary>True where another process, a running server say, holds what was to be opened.</summary>
    public bool IsInUse { get; init; }
}
