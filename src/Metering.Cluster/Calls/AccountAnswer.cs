using Metering.Core;
using Metering.Engine;

namespace Metering.Cluster;

/// <summary>What became of one call.</summary>
[GenerateSerializer, Immutable, Alias("metering.answer")]
internal abstract class AccountAnswer;

/// <summary>The meter's answer.</summary>
[GenerateSerializer, Immutable, Alias("metering.answered`1")]
internal sealed class Answered<T> : AccountAnswer
    where T : class
{
    [Id(0)]
    public required Outcome<T> Outcome { get; init; }
}

/// <summary>The account does not live here any more. The call changed nothing; the cluster knows where it lives now.</summary>
[GenerateSerializer, Immutable, Alias("metering.moved")]
internal sealed class Moved : AccountAnswer;

/// <summary>The call threw: a bug, or a damaged ledger.</summary>
[GenerateSerializer, Immutable, Alias("metering.failed")]
internal sealed class Failed : AccountAnswer
{
    [Id(0)]
    public required FailureKind Kind { get; init; }

    [Id(1)]
    public required string Message { get; init; }

    /// <summary>What a call threw, as it travels.</summary>
    public static Failed Of(Exception exception) => new()
    {
        Kind = exception switch
        {
            LedgerFormatException => FailureKind.Format,
            LedgerContentException => FailureKind.Content,
            InvariantException => FailureKind.Invariant,
            _ => FailureKind.Other,
        },
        Message = exception.Message,
    };

    /// <summary>The exception that the call threw, as far as its caller can tell failures apart.</summary>
    public Exception ToException() => Kind switch
    {
        FailureKind.Format => new LedgerFormatException(Message),
        FailureKind.Content => new LedgerContentException(Message),
        FailureKind.Invariant => new InvariantException(Message),
        FailureKind.Other => new InvalidOperationException($"The account's process failed: {Message}"),
        _ => new InvalidOperationException($"The account's process failed in a way that only a newer version knows: {Message}"),
    };
}

/// <summary>How a call failed. The numbers travel between versions.</summary>
internal enum FailureKind
{
    /// <summary>None of the others.</summary>
    Other = 0,

    /// <summary><see cref="LedgerFormatException"/>.</summary>
    Format = 1,

    /// <summary><see cref="LedgerContentException"/>.</summary>
    Content = 2,

    /// <summary><see cref="InvariantException"/>.</summary>
    Invariant = 3,
}

/// <summary>An answer for each call of an <see cref="AccountCalls"/>, in its order.</summary>
[GenerateSerializer, Immutable, Alias("metering.answers")]
internal sealed class AccountAnswers
{
    [Id(0)]
    public required AccountAnswer[] Items { get; init; }

    /// <summary>The silo that the account lives on, for the next calls; null where the caller knows it.</summary>
    [Id(1)]
    public string? Silo { get; init; }
}
