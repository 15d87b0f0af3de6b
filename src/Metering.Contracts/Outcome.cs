using System.Diagnostics.CodeAnalysis;

namespace Metering;

/// <summary>The answer to a request: a value or a refusal.</summary>
/// <typeparam name="T">The value of success.</typeparam>
public readonly record struct Outcome<T>
    where T : class
{
    private readonly T? value;

    internal Outcome(T? value, Refusal? refusal, bool isReplay)
    {
        this.value = value;
        Refusal = refusal;
        IsReplay = isReplay;
    }

    /// <summary>Why not, or null on success.</summary>
    public Refusal? Refusal { get; }

    /// <summary>True where an idempotency key was seen before and this is its first answer again.</summary>
    public bool IsReplay { get; }

    /// <summary>True on success.</summary>
    public bool IsSuccess => value is not null;

    /// <summary>The value of success.</summary>
    /// <exception cref="InvalidOperationException">The request was refused.</exception>
    public T Value => value ?? throw new InvalidOperationException($"The request was refused ({Refusal?.Reason}): {Refusal?.Message}");

    /// <summary>Tells success from refusal.</summary>
    /// <param name="success">The value, or null.</param>
    /// <param name="refusal">The refusal, or null.</param>
    public bool TryGet([NotNullWhen(true)] out T? success, [NotNullWhen(false)] out Refusal? refusal)
    {
        success = value;
        refusal = Refusal;
        return success is not null;
    }

    /// <summary>The value's own text, or the refusal's reason and message. Never throws on a refusal, so that an outcome may stand in a log line.</summary>
    public override string ToString() => (value, Refusal) switch
    {
        ({ } success, _) => $"Success{(IsReplay ? " (replay)" : string.Empty)}: {success}",
        (null, { } refusal) => $"Refused ({refusal.Reason}): {refusal.Message}",
        (null, null) => "No outcome",
    };

    /// <summary>Success.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator Outcome<T>(T value) => new(value, null, false);

    /// <summary>Refusal.</summary>
    /// <param name="refusal">Why.</param>
    public static implicit operator Outcome<T>(Refusal refusal) => new(null, refusal, false);
}

/// <summary>Makes outcomes.</summary>
public static class Outcome
{
    /// <summary>An answer that an idempotency key had before.</summary>
    /// <typeparam name="T">The value of success.</typeparam>
    /// <param name="value">The first answer.</param>
    public static Outcome<T> Replay<T>(T value)
        where T : class => new(value, null, true);
}
