"""The work of `pynomaly detect` as a script with pandas and scikit-learn.

python cli_rival.py TABLE OUTPUT [ENGINE]
"""

import sys

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest

table, output = sys.argv[1:3]
engine = sys.argv[3] if len(sys.argv) > 3 else None

frame = pd.read_csv(table, engine=engine)
forest = IsolationForest(n_estimators=100, max_samples=256, random_state=1)
scores = -forest.fit(frame).score_samples(frame)
results = pd.DataFrame(
    {
        "row": np.arange(1, len(scores) + 1),
        "score": scores,
        "label": (scores > -forest.offset_).astype(int),
    }
)
results.to_csv(output, index=False)
